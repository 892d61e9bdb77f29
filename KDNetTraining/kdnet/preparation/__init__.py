"""The steps between reading and segmenting a scan: does it show a whole head, and where is the brain?"""
