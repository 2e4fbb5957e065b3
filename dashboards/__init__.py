"""Grafana dashboards as code: one public module a dashboard, files with an underscore the kit.

A folder of the same name elsewhere on Python's path adds its dashboards to ours.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
