"""Sparkplug B: what industrial gateways send, republished as SenML below their gateway's topics."""
