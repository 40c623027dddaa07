#!/usr/bin/env python3
"""Holds operator event streams open and reads them, until it is told to end (SIGTERM); then says what came.

usage: streams.py HOST:PORT COUNT

Prints `ready` when all streams have begun, or else why not; and in the end a line of JSON: streams that lived to the end, bytes of all, and the
events of the first one, which are those of each.
"""
import json
import selectors
import signal
import socket
import sys

BODY = b'{"type":"SUBSCRIBE"}'
REQUEST = (b"POST /api/v1 HTTP/1.1\r\nHost: master\r\nContent-Type: application/json\r\nAccept: application/x-protobuf\r\n"
           b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY))


class Ended(Exception):
    pass


def end(*_):
    raise Ended


class Records:
    """Counts the records in a body of chunks, each of which is a record."""

    def __init__(self):
        self.rest, self.count, self.has_head = b"", 0, False

    def feed(self, data):
        self.rest += data
        if not self.has_head:
            head, separator, rest = self.rest.partition(b"\r\n\r\n")
            if not separator:
                return
            if not head.startswith(b"HTTP/1.1 200 "):
                sys.exit(print("refused: %s" % rest.decode(errors="replace")))
            self.has_head, self.rest = True, rest
        while True:
            size, separator, rest = self.rest.partition(b"\r\n")
            if not separator or len(rest) < int(size, 16) + 2:
                return
            # Mesos puts the length of a record into a chunk of its own.
            self.count += not rest[:int(size, 16)].endswith(b"\n")
            self.rest = rest[int(size, 16) + 2:]


def main():
    signal.signal(signal.SIGTERM, end)
    host, port = sys.argv[1].split(":")
    selector, first, total, begun = selectors.DefaultSelector(), Records(), 0, set()
    for number in range(int(sys.argv[2])):
        stream = socket.create_connection((host, int(port)))
        stream.sendall(REQUEST)
        stream.setblocking(False)
        selector.register(stream, selectors.EVENT_READ, number)
    try:
        while selector.get_map():
            for key, _ in selector.select(1):
                data = key.fileobj.recv(1 << 18)
                if not data:
                    selector.unregister(key.fileobj)
                    continue
                total += len(data)
                if key.data == 0:
                    first.feed(data)
                if key.data not in begun:
                    begun.add(key.data)
                    if len(begun) == int(sys.argv[2]):
                        print("ready", flush=True)
    except Ended:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(json.dumps(dict(streams=len(selector.get_map()), bytes=total, events=first.count)), flush=True)


main()
