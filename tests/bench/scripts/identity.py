"""azure-identity and requests: identity.py token | arm"""

import os
import sys

import requests
from azure.identity import ManagedIdentityCredential

if "ON_THE_ISLAND" not in os.environ:
    sys.exit("only the bench starts this, in a network of its own")
token = ManagedIdentityCredential().get_token("https://management.azure.com/.default").token
if sys.argv[1] == "token":
    print(token)
else:
    group = requests.get(
        "https://management.azure.com/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest",
        params={"api-version": "2016-06-01"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    group.raise_for_status()
    print(group.text)
