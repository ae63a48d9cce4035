"""The virtual office (oficina virtual): a subscriber's own pages."""
