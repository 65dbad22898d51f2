"""xnorsr: a hardware co-design flow for binarized super-resolution networks."""

__version__ = "0.1.0"
