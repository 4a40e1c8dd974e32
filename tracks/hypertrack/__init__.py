"""HyperTrack's clustering: edges above a cut → subgraphs → paths of pivots → micrographs → masks → candidates."""
