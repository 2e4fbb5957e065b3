"""Reads layers in QGIS without a screen: `python3 qgis_layers.py PROVIDER NAME=URI …`, as JSON.

For the system's Python, which has Debian's qgis module; nothing of ours is imported.
"""

import json
import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer

QgsApplication.setPrefixPath("/usr", True)  # noqa: FBT003  as Qt takes it
application = QgsApplication([], False)  # noqa: FBT003
application.initQgis()
WEST = QgsRectangle(2.2, 48.4, 2.35, 48.7)


def read(uri: str, provider: str) -> dict[str, object]:
    """The attributes and geometries of a layer, and how many lie in the west."""
    layer = QgsVectorLayer(uri, "layer", provider)
    features = [
        {
            "geometry": feature.geometry().asWkt(1),
            **{field.name(): str(feature[field.name()]) for field in layer.fields()},
        }
        for feature in layer.getFeatures()
    ]
    west = sum(1 for _ in layer.getFeatures(QgsFeatureRequest().setFilterRect(WEST)))
    return {"valid": layer.isValid(), "features": features, "west": west}


provider, *layers = sys.argv[1:]
answers = {name: read(uri, provider) for name, _, uri in (each.partition("=") for each in layers)}
sys.stdout.write(json.dumps(answers))
sys.stdout.flush()
os._exit(0)  # leaving QGIS in order takes its plugins' word for it
