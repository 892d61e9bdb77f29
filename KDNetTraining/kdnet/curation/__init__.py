"""From studies as they come from scanners and archives to a data folder that a study reads."""
