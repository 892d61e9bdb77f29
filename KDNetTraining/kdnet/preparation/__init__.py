"""What lies between reading a scan and segmenting it: does it show a whole head, and where in it is the brain?"""
