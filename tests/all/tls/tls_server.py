"""A TLS server of OpenSSL's on loopback, with what only old ones have.

    tls_server.py CERTIFICATES KEY VERSION CIPHERS [CLIENT_CA]

Says on which port it listens, and of each connection what came of it: how the handshake ended, or what was asked. VERSION is
one of TLSv1, TLSv1_1, TLSv1_2 and TLSv1_3. With CLIENT_CA, clients must show a certificate.
"""

import socket
import ssl
import sys
import warnings

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"value":[]}'


def context(certificates, key, version, ciphers, client_ca=None):
    # It is about what is old.
    warnings.simplefilter("ignore", DeprecationWarning)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers(ciphers)
    made.minimum_version = made.maximum_version = getattr(ssl.TLSVersion, version)
    made.load_cert_chain(certificates, key)
    if client_ca:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(client_ca)
    return made


def serve(raw, made):
    raw.settimeout(60)
    try:
        with made.wrap_socket(raw, server_side=True) as connection:
            print("speaks", connection.version(), flush=True)
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                piece = connection.recv(4096)
                if not piece:
                    break
                asked += piece
            print("over: asked", asked, flush=True)
            connection.sendall(ANSWER)
    except (ssl.SSLError, OSError) as error:
        print("over: failed", error, flush=True)


def main(*arguments):
    made = context(*arguments)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("listening on", listener.getsockname()[1], flush=True)
        while True:
            serve(listener.accept()[0], made)


main(*sys.argv[1:])
