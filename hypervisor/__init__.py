"""The running system: settings, store, registry, watch, api, stack and the command line."""
