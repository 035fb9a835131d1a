"""Files that are made to break what reads them: by hand, and by mutation of sound ones."""
