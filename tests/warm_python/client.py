"""Asks the server for a program, passes signals on to it, and ends as it ends."""

import array
import os
import select
import signal
import socket
import struct
import sys

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NUMBER = struct.Struct("=q")


def receive(server: socket.socket) -> int:
    data = server.recv(NUMBER.size, socket.MSG_WAITALL)
    if len(data) < NUMBER.size:
        sys.exit("the server of warm_python is gone")
    return NUMBER.unpack(data)[0]


def main() -> None:
    address, *arguments = sys.argv[1:]
    environment = [b"=".join(pair) for pair in os.environb.items()]
    words = [os.getcwdb(), *environment, b"", *map(os.fsencode, arguments)]
    request = b"\0".join(words)
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # they wait until the program is there
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
        server.sendmsg([NUMBER.pack(len(request))], [rights])
        server.sendall(request)
        program = receive(server)
        for number in PASSED_ON:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, _: os.kill(program, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        # A signal in the moment before a wait begins is seen after it only: so none is long.
        while not select.select([server], [], [], 0.2)[0]:
            pass
        status = receive(server)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
