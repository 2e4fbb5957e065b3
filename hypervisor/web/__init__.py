"""What the hypervisor knows, over HTTP."""
