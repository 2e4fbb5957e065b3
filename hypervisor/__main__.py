"""`python -m hypervisor`: the same as the `hypervisor` command."""

from hypervisor.cli import main

main()
