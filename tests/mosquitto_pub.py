"""Stands in for Debian's `mosquitto_pub`: the options that the documents use, the same messages."""

import argparse
import sys

from paho.mqtt import publish


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    for name in "huPt":
        parser.add_argument(f"-{name}", required=True)
    for name in "pq":
        parser.add_argument(f"-{name}", required=True, type=int)
    content = parser.add_mutually_exclusive_group(required=True)
    content.add_argument("-m")
    content.add_argument("-s", action="store_true", help="The message is standard input.")
    options = parser.parse_args()
    publish.single(
        options.t,
        sys.stdin.read() if options.s else options.m,
        qos=options.q,
        hostname=options.h,
        port=options.p,
        client_id=options.u,
        auth={"username": options.u, "password": options.P},
    )


if __name__ == "__main__":
    main()
