"""Types shared by the panels, the command line and the backend; standard library only."""
