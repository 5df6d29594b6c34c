"""Microsoft's own client for Azure Resource Manager manages what a stand-in holds.

    management_peer.py

The environment names the stand-in: AZURE_POD_IDENTITY_AUTHORITY_HOST, ARM and REQUESTS_CA_BUNDLE. It prints a line of JSON
for each step.
"""

import json
import os
import sys

import loopback

SUBSCRIPTION = "98f51385-2edc-4b79-bed9-7718de4cb861"
VM = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/DevTest"
    "/providers/Microsoft.Compute/virtualMachines/devtest-vm"
)


def say(step, what):
    print(json.dumps([step, what]))


def manage():
    from azure.core.exceptions import HttpResponseError
    from azure.identity import ManagedIdentityCredential
    from azure.mgmt.resource.resources import ResourceManagementClient

    client = ResourceManagementClient(
        ManagedIdentityCredential(),
        SUBSCRIPTION,
        base_url=os.environ["ARM"],
        credential_scopes=["https://management.azure.com/.default"],
        # It takes the stand-in's Retry-After of 0 for none.
        polling_interval=0,
    )
    groups = client.resource_groups
    say("groups", [group.name for group in groups.list()])
    made = groups.create_or_update("Made", {"location": "westus", "tags": {"by": "python"}})
    say("made", [made.id, made.location, made.tags, made.properties.provisioning_state])
    say("tagged", groups.update("Made", {"tags": {"by": "hand"}}).tags)
    try:
        groups.create_or_update("Made", {"location": "eastus"})
    except HttpResponseError as error:
        say("refused", [error.status_code, error.error.code, error.error.message])
    disk = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Made/providers/Microsoft.Compute/disks/made"
    poller = client.resources.begin_create_or_update_by_id(
        disk, {"location": "westus", "properties": {"diskSizeGB": 4}}, api_version="2023-07-01"
    )
    disk = poller.result()
    say("disk", [poller.status(), disk.type, disk.properties["provisioningState"]])
    say("pages", [len(list(page)) for page in client.resources.list().by_page()])
    kind = client.resources.list(filter="resourceType eq 'Microsoft.Compute/virtualMachines'")
    say("machines", [resource.name for resource in kind])
    machine = client.resources.get_by_id(VM, api_version="2024-07-01")
    say("machine", [machine.name, machine.location, machine.tags])
    poller = groups.begin_delete("Made")
    poller.result()
    say("deleted", [poller.status(), groups.check_existence("Made"), groups.check_existence("DevTest")])
    group = VM.replace("Microsoft.Compute/virtualMachines", "Microsoft.ContainerInstance/containerGroups")
    create = lambda: client.resources.begin_create_or_update_by_id(
        group, {"location": "westus"}, api_version="2023-05-01"
    ).result()
    try:
        create()
    except HttpResponseError as error:
        say("unregistered", [error.status_code, error.error.code, error.error.details[0].target])
    provider = "Microsoft.ContainerInstance"
    states = [client.providers.register(provider)] + [client.providers.get(provider) for _ in range(2)]
    say("registered", [state.registration_state for state in states] + [create().name])


# The guard stands, and the environment has been looked at, before any client is imported.
sys.addaudithook(loopback.only_loopback)
loopback.check(["AZURE_POD_IDENTITY_AUTHORITY_HOST", "ARM", "REQUESTS_CA_BUNDLE"])
manage()
