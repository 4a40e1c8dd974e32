"""`edgetrack export --explore`: the verb's work, its picture, its files, its check."""
