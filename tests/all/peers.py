"""Microsoft's own clients for Python get tokens from a stand-in, and read a resource group with them.

    peers.py group ARM_ENDPOINT CA_FILE CLIENT_ID...
    peers.py token SOURCE

The first prints a line of JSON for the system-assigned identity and one for each client id, the second one for each client.
"""

import base64
import json
import os
import ssl
import sys
import urllib.request

import loopback

# By what the clients find each source. Without these they would ask a real one, if there were no guard.
NEEDED = {
    "imds": ["AZURE_POD_IDENTITY_AUTHORITY_HOST"],
    "app-service": ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"],
    "azure-ml": ["MSI_ENDPOINT", "MSI_SECRET"],
    "workload": [
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST",
        "REQUESTS_CA_BUNDLE",
    ],
}
AUDIENCE = "https://management.azure.com/"
GROUP = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest?api-version=2016-06-01"


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def group(arm, ca_file, *client_ids):
    from azure.identity import ManagedIdentityCredential

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


def by_azure_identity(source):
    from azure.identity import ManagedIdentityCredential, WorkloadIdentityCredential

    if source == "workload":
        credential = WorkloadIdentityCredential(disable_instance_discovery=True)
    else:
        credential = ManagedIdentityCredential()
    token = credential.get_token(AUDIENCE + "/.default")
    return token.token, token.expires_on


def by_msal(source):
    import time

    import msal
    import requests

    now = time.time()
    if source == "workload":
        with open(os.environ["AZURE_FEDERATED_TOKEN_FILE"]) as file:
            assertion = file.read()
        client = msal.ConfidentialClientApplication(
            os.environ["AZURE_CLIENT_ID"],
            authority=os.environ["AZURE_AUTHORITY_HOST"] + os.environ["AZURE_TENANT_ID"],
            client_credential={"client_assertion": assertion},
            instance_discovery=False,
        )
        answer = client.acquire_token_for_client([AUDIENCE + "/.default"])
    else:
        client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=requests.Session())
        answer = client.acquire_token_for_client(resource=AUDIENCE)
    if "access_token" not in answer:
        raise ValueError(json.dumps(answer))
    return answer["access_token"], now + answer["expires_in"]


def token(source):
    for name, get in (("azure-identity", by_azure_identity), ("msal", by_msal)):
        line = {"client": name}
        try:
            token, expires_on = get(source)
        except Exception as error:
            line["error"] = str(error)
        else:
            line["appid"] = claims(token)["appid"]
            line["life_agrees"] = abs(claims(token)["exp"] - expires_on) <= 5
        print(json.dumps(line))


# The guard stands, and the environment has been looked at, before any client is imported.
sys.addaudithook(loopback.only_loopback)
if sys.argv[1] == "group":
    loopback.check(NEEDED["imds"])
    group(*sys.argv[2:])
else:
    loopback.check(NEEDED[sys.argv[2]])
    token(*sys.argv[2:])
