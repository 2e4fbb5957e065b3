"""Rule packs (<domain>.yaml) and the pure engine that judges them.

A folder of the same name elsewhere on Python's path adds its domains to ours.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
