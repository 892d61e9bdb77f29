"""Types that panels, command line and backend exchange; standard library only."""
