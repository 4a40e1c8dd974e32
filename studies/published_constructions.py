"""What the Interaction Network's authors measured of their three graph constructions."""

from __future__ import annotations

# DeZoort et al., "Charged particle tracking via edge-classifying interaction networks" (2021), figure 5, in numbers:
# graph_construction/measurements/*_measurements.csv of the authors' repository GageDeZoort/interaction_network_paper,
# 1,770 events of TrackML's train_1. pT threshold in GeV → (efficiency, purity, edges, nodes), means of events.
# The geometric nodes at 0.9 GeV, and those of pre-clustering at 0.7 and 0.5 GeV, are not the others', but are as given.
Row = tuple[float, float, float, float]

# fmt: off
GEOMETRIC: dict[float, Row] = {
    2.0: (.987, .198, 4429, 1091), 1.9: (.986, .206, 4880, 1253), 1.8: (.986, .163, 7122, 1449),
    1.7: (.987, .148, 9109, 1679), 1.6: (.987, .132, 11819, 1951), 1.5: (.987, .118, 15445, 2270),
    1.4: (.987, .097, 21776, 2656), 1.3: (.987, .080, 31297, 3142), 1.2: (.987, .066, 44986, 3714),
    1.1: (.987, .053, 66339, 4429), 1.0: (.987, .043, 99304, 5332), 0.9: (.987, .033, 154917, 6456),
    0.8: (.987, .023, 276199, 8006), 0.7: (.987, .016, 502262, 10023), 0.6: (.987, .013, 789633, 12700),
    0.5: (.987, .010, 1266130, 16246),
}
PRE_CLUSTERING: dict[float, Row] = {
    2.0: (.986, .327, 2761, 1091), 1.9: (.986, .288, 3626, 1253), 1.8: (.986, .259, 4749, 1449),
    1.7: (.986, .227, 6330, 1679), 1.6: (.986, .198, 8542, 1951), 1.5: (.986, .168, 11684, 2270),
    1.4: (.986, .134, 17204, 2656), 1.3: (.986, .104, 25764, 3142), 1.2: (.986, .081, 38873, 3714),
    1.1: (.986, .062, 59788, 4429), 1.0: (.987, .044, 96487, 5332), 0.9: (.986, .034, 152553, 6496),
    0.8: (.986, .025, 264018, 8006), 0.7: (.986, .016, 495013, 10109), 0.6: (.986, .013, 777146, 12700),
    0.5: (.986, .010, 1308996, 16349),
}
MODULE_MAP: dict[float, Row] = {
    2.0: (.986, .342, 2550, 1091), 1.9: (.986, .318, 3135, 1253), 1.8: (.985, .294, 3828, 1449),
    1.7: (.986, .270, 4943, 1679), 1.6: (.986, .245, 6331, 1951), 1.5: (.986, .221, 8168, 2270),
    1.4: (.986, .193, 10917, 2656), 1.3: (.986, .169, 14761, 3142), 1.2: (.986, .143, 20537, 3714),
    1.1: (.986, .121, 29129, 4429), 1.0: (.986, .100, 42266, 5332), 0.9: (.986, .081, 63211, 6496),
    0.8: (.986, .061, 103681, 8006), 0.7: (.987, .045, 176951, 10023), 0.6: (.986, .035, 292332, 12700),
    0.5: (.986, .026, 504489, 16246),
}
# fmt: on
PUBLISHED = {"geometric": GEOMETRIC, "dbscan_geometric": PRE_CLUSTERING, "module_map": MODULE_MAP}
THRESHOLDS = tuple(sorted(GEOMETRIC))  # GeV
