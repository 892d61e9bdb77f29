"""Studies of many networks: from a request to data, teacher, baselines, students, scores, and report."""
