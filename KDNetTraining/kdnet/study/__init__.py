"""Many networks: from a request to prepared data, teacher, baselines, students, scores and report."""
