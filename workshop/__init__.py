"""Build your own Docker out of standard Linux tools: a guided shell that lets the kernel judge."""

__version__ = "0.1.0"
