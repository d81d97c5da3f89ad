"""Speed of the extract-and-load path, as ratios within one run on one machine."""
