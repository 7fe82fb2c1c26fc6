"""Programs as a user of autograd writes them; each has `run()`, which gives its results."""
