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


def rate(endpoint, request, calls):
    host, port = endpoint.split("//")[1].split(":")
    connection = None
    begun = time.monotonic()
    for _ in range(calls):
        if connection is None:
            connection = socket.create_connection((host, int(port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        status, closing = exchange(connection, request)
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
    per_second = rate(endpoint, signed(client, endpoint, "DescribeDBEngineVersions", Engine="aurora-postgresql"), 200)
    peak = sandbox.peak_mb()
    tap.row(peak - begun < 16, f"DescribeDBEngineVersions 200 times: {per_second:.0f} calls/s, peak {peak:.0f} MB",
            f"{begun:.0f} MB before")


def figures(tap, sandbox, moto):
    """Calls per second of one connection, in turn; the same bytes for both but for host and signature."""
    calls = int(os.environ.get("CALLS", "2000"))
    ours = sandbox.client()
    arn = ours.describe_db_clusters(DBClusterIdentifier="orders")["DBClusters"][0]["DBClusterArn"]
    kinds = [("DescribeDBClusters", {"DBClusterIdentifier": "orders"}), ("ListTagsForResource", {"ResourceName": arn}),
             ("AddTagsToResource", {"ResourceName": arn, "Tags.Tag.1.Key": "k", "Tags.Tag.1.Value": "w"})]
    if moto:
        import boto3
        theirs = boto3.client("rds", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="a",
                              aws_secret_access_key="b")
        theirs.create_db_cluster(DBClusterIdentifier="orders", Engine="aurora-postgresql", MasterUsername="app",
                                 MasterUserPassword=PASSWORD)
    for operation, arguments in kinds:
        mine = rate(sandbox.ready["endpoint"], signed(ours, sandbox.ready["endpoint"], operation, **arguments), calls)
        if not moto:
            tap.row(mine > 0, f"{operation}: {mine:.0f} calls/s")
            continue
        if "ResourceName" in arguments:
            arguments["ResourceName"] = theirs.describe_db_clusters()["DBClusters"][0]["DBClusterArn"]
        other = rate(moto, signed(theirs, moto, operation, **arguments), max(50, calls // 10))
        tap.row(mine > other, f"{operation}: {mine:.0f} calls/s, moto server {other:.0f}, ratio {mine / other:.1f}")
    if not moto:
        print(f"ok {tap.count + 1} - calls per second beside moto server # SKIP no moto_server here")
        tap.count += 1
