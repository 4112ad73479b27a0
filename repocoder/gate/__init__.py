"""Which gate decides whether snippets are worth a prompt, and the logistic one: features, labels, fit, calibration."""
