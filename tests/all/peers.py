"""Microsoft's own client for Python gets tokens from a stand-in and reads a resource group with them.

    peers.py ARM_ENDPOINT CA_FILE CLIENT_ID...

Prints a line of JSON for the system-assigned identity and one for each client id.
"""

import base64
import json
import ssl
import sys
import urllib.request


def only_loopback(event, args):
    if event in ("socket.connect", "socket.sendto"):
        host = args[1][0] if isinstance(args[1], tuple) else ""
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise PermissionError(f"{event} {host!r}: only loopback may be called")


sys.addaudithook(only_loopback)

from azure.identity import ManagedIdentityCredential  # noqa: E402: the guard stands before anything is imported

GROUP = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest?api-version=2016-06-01"


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def main(arm, ca_file, *client_ids):
    context = ssl.create_default_context(cafile=ca_file)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    for client_id in (None, *client_ids):
        line = {"asked": client_id}
        try:
            token = ManagedIdentityCredential(client_id=client_id).get_token("https://management.azure.com/.default")
        except Exception as error:  # whatever it raises is what its users see
            line["error"] = str(error)
        else:
            request = urllib.request.Request(arm + GROUP, headers={"Authorization": "Bearer " + token.token})
            with opener.open(request, timeout=20) as answer:
                line["body"] = answer.read().decode()
            line["appid"] = claims(token.token)["appid"]
            line["life_agrees"] = abs(claims(token.token)["exp"] - token.expires_on) <= 5
        print(json.dumps(line))


main(*sys.argv[1:])
