"""Resources by formula: what the parts of a design and its memories take of a device, without synthesis."""
