"""The operator's console: pages made on the server, enlivened by small scripts."""
