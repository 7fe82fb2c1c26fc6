"""Random programs: `make fuzz N=10000 SEED=1` runs as many as one likes."""
