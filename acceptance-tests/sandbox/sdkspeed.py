"""Calls per second of one connection, beside moto server: the same calls, the same run, the same client."""

import os
import shutil
import signal
import socket
import subprocess
import time
from urllib.parse import urlencode

from testlib import PASSWORD, wait_for


def signed(client, endpoint, operation, **arguments):
    """The bytes of one signed request, to be sent again and again."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    body = urlencode({"Action": operation, "Version": "2014-10-31", **arguments})
    request = AWSRequest(method="POST", url=endpoint + "/", data=body,
                         headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
    SigV4Auth(client._request_signer._credentials, "rds", "us-east-1").add_auth(request)
    host = endpoint.split("//")[1]
    lines = [f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def exchange(connection, request):
    connection.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\nclosed"
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split(b" ")[1]), b"close" in head.lower()


def rate(endpoint, requests, calls):
    """Of one connection that sends the requests in turn; all must succeed."""
    host, port = endpoint.split("//")[1].split(":")
    connection = None
    begun = time.monotonic()
    for number in range(calls):
        if connection is None:
            connection = socket.create_connection((host, int(port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        status, closing = exchange(connection, requests[number % len(requests)])
        if status != 200:
            raise RuntimeError(f"status {status}")
        if closing:
            connection.close()
            connection = None
    return calls / (time.monotonic() - begun)


def start_moto(folder):
    program = shutil.which("moto_server")
    if not program:
        return None, None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = open(os.path.join(folder, "moto"), "wb")
    process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
    log.close()

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    if not wait_for(answers, bool, 60):
        process.send_signal(signal.SIGTERM)
        process.wait()
        return None, None
    return process, f"http://127.0.0.1:{port}"


def memory(tap, sandbox):
    """The longest reply, again and again: what it took is given back."""
    client, endpoint = sandbox.client(), sandbox.ready["endpoint"]
    begun = sandbox.peak_mb()
    request = signed(client, endpoint, "DescribeDBEngineVersions", Engine="aurora-postgresql")
    per_second = rate(endpoint, [request], 200)
    peak = sandbox.peak_mb()
    tap.row(peak - begun < 16, f"DescribeDBEngineVersions 200 times: {per_second:.0f} calls/s, peak {peak:.0f} MB",
            f"{begun:.0f} MB before")


GROUP = {"DBClusterParameterGroupName": "speed"}
MADE = {"DBClusterParameterGroupName": "speed-pair", "DBParameterGroupFamily": "aurora-postgresql13",
        "Description": "made and deleted again and again"}
SETTING = {"Parameters.Parameter.1.ParameterName": "work_mem", "Parameters.Parameter.1.ParameterValue": "4096",
           "Parameters.Parameter.1.ApplyMethod": "immediate"}
OTHER = {**SETTING, "Parameters.Parameter.1.ParameterValue": "8192"}


def kinds_of_calls(arn):
    """What is measured: a name and the calls that are made in turn. Those that change something change it every time."""
    tag = {"ResourceName": arn, "Tags.Tag.1.Key": "k"}
    return [
        ("DescribeDBClusters", [("DescribeDBClusters", {"DBClusterIdentifier": "orders"})]),
        ("ListTagsForResource", [("ListTagsForResource", {"ResourceName": arn})]),
        ("AddTagsToResource", [("AddTagsToResource", {**tag, "Tags.Tag.1.Value": value}) for value in ("v", "w")]),
        ("ModifyDBClusterParameterGroup",
         [("ModifyDBClusterParameterGroup", {**GROUP, **setting}) for setting in (SETTING, OTHER)]),
        ("Create- and DeleteDBClusterParameterGroup",
         [("CreateDBClusterParameterGroup", MADE),
          ("DeleteDBClusterParameterGroup", {"DBClusterParameterGroupName": "speed-pair"})]),
    ]


SLICES = 5
FLOOR = 5  # 20 are wanted on a machine at rest; on a busy one the ratio of any two figures is worth little


def prepared(client, endpoint):
    """Requests by name, of a server that has a cluster orders."""
    arn = client.describe_db_clusters(DBClusterIdentifier="orders")["DBClusters"][0]["DBClusterArn"]
    client.create_db_cluster_parameter_group(**GROUP, DBParameterGroupFamily="aurora-postgresql13", Description="speed")
    return {name: [signed(client, endpoint, operation, **arguments) for operation, arguments in turn]
            for name, turn in kinds_of_calls(arn)}


def figures(tap, sandbox, moto):
    """Calls per second of one connection; the same bytes for both but for host, ARN and signature. Both are measured
    in turn, slice by slice, and the quickest slice of each counts, because others work on this machine, too."""
    calls = int(os.environ.get("CALLS", "2000"))
    endpoint = sandbox.ready["endpoint"]
    mine = prepared(sandbox.client(), endpoint)
    theirs = {}
    if moto:
        import boto3
        client = boto3.client("rds", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="a",
                              aws_secret_access_key="b")
        client.create_db_cluster(DBClusterIdentifier="orders", Engine="aurora-postgresql", MasterUsername="app",
                                 MasterUserPassword=PASSWORD)
        theirs = prepared(client, moto)
    for name, requests in mine.items():
        slices = [(rate(endpoint, requests, calls // SLICES), rate(moto, theirs[name], calls // SLICES // 10) if moto else 0)
                  for _ in range(SLICES)]
        quick, other = (max(column) for column in zip(*slices))
        if moto:
            tap.row(quick > FLOOR * other, f"{name}: {quick:.0f} calls/s, moto server {other:.0f}, ratio {quick / other:.1f}")
        else:
            tap.row(quick > 0, f"{name}: {quick:.0f} calls/s")
    if not moto:
        print(f"ok {tap.count + 1} - calls per second beside moto server # SKIP no moto_server here")
        tap.count += 1
