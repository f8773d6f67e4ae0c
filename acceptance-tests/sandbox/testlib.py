"""What sdk-test and crash-test share: TAP rows, a sandbox that is started, killed and stopped, boto3 clients, psql."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PASSWORD = "master-pass-1"
READY_SECONDS = 90
PATIENCE_SECONDS = 240


def need_boto3():
    """boto3 of this interpreter, else of the system's Python; without one the test fails, it is not skipped."""
    try:
        import boto3  # noqa: F401
    except ImportError:
        system = "/usr/bin/python3"
        if sys.executable == system or not os.access(system, os.X_OK):
            sys.exit("Bail out! boto3 is missing (Debian: python3-boto3)")
        os.execv(system, [system, *sys.argv])


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def row(self, ok, name, detail=""):
        self.count += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}", flush=True)
        if not ok and detail:
            print("\n".join(f"# {line}" for line in str(detail).splitlines()[:20]), flush=True)
        return ok

    def equal(self, name, expected, actual):
        return self.row(expected == actual, name, f"expected: {expected!r}\ngot: {actual!r}")

    def done(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


class Sandbox:
    def __init__(self, program, folder, *options, speed=2000):
        self.program, self.folder, self.options, self.speed = program, Path(folder), options, speed
        self.process = self.ready = self.session = None

    def start(self):
        log = open(self.folder / "stderr", "ab")
        self.process = subprocess.Popen(
            [self.program, "serve", "--state", str(self.folder), "--speed", str(self.speed), *self.options],
            stdout=subprocess.PIPE, stderr=log)
        log.close()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("aurora-sandbox does not start: " + self.complaints()[-500:])
        self.ready = json.loads(line)
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=READY_SECONDS)
        self.process.stdout.close()
        return status

    def complaints(self):
        return (self.folder / "stderr").read_text(errors="replace")

    def verb(self, *arguments):
        done = subprocess.run([self.program, arguments[0], "--state", str(self.folder), *arguments[1:]],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def log(self):
        return [json.loads(line) for line in (self.folder / "requests.ndjson").read_text().splitlines()]

    def peak_mb(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmHWM")

    def client(self, service="rds", **more):
        import boto3
        from botocore.config import Config
        keys = {"aws_access_key_id": self.ready["access_key_id"],
                "aws_secret_access_key": self.ready["secret_access_key"]}
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, parameter_validation=False,
                        read_timeout=60, connect_timeout=10)
        return (self.session or boto3).client(service, endpoint_url=self.ready["endpoint"], region_name=self.ready["region"],
                            config=config, **{**keys, **more})

    def sql(self, host, statement, timeout=10):
        environment = {**os.environ, "PGPASSWORD": PASSWORD, "PGSSLROOTCERT": self.ready["ca_file"],
                       "PGCONNECT_TIMEOUT": str(timeout), "LC_ALL": "C"}
        done = subprocess.run(
            ["psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", statement,
             f"host={host} port=5432 user=app dbname=shop sslmode=verify-full"],
            capture_output=True, text=True, env=environment)
        return done.returncode == 0, (done.stdout if done.returncode == 0 else done.stderr).strip()

    def servers(self):
        """Processes that work below the state's folder, but for servers that pg_upgrade has started: those outlive a
        killed sandbox until the next start ends them."""
        found, upgrading = {}, set()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                where = os.readlink(entry / "cwd")
                command = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if where.startswith(f"{self.folder}/"):
                found[int(entry.name)] = parent
                if b"-b" in command and command[0].endswith(b"/postgres"):
                    upgrading.add(int(entry.name))
        return [pid for pid, parent in found.items() if not {pid, parent} & upgrading]


def wait_for(ask, wanted, seconds=PATIENCE_SECONDS):
    """The first answer that is wanted, or the last one."""
    until = time.monotonic() + seconds
    while True:
        answer = ask()
        if wanted(answer) or time.monotonic() > until:
            return answer
        time.sleep(0.05)


def new_folder(prefix):
    return tempfile.mkdtemp(prefix=prefix)


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


def cluster_status(rds, name):
    return rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["Status"]


def instance_status(rds, name):
    return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]


def make_orders(rds, group=None):
    """A cluster orders on 13 with one instance, available."""
    more = {"DBClusterParameterGroupName": group} if group else {}
    rds.create_db_cluster(DBClusterIdentifier="orders", Engine="aurora-postgresql", EngineVersion="13.22",
                          MasterUsername="app", MasterUserPassword=PASSWORD, DatabaseName="shop",
                          Tags=[{"Key": "team", "Value": "a"}], **more)
    wait_for(lambda: cluster_status(rds, "orders"), lambda s: s == "available")
    rds.create_db_instance(DBInstanceIdentifier="orders-1", DBClusterIdentifier="orders", Engine="aurora-postgresql",
                           DBInstanceClass="db.r6g.large")
    return wait_for(lambda: instance_status(rds, "orders-1"), lambda s: s == "available")


def make_logical_group(rds, name):
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName=name, Description="logical",
                                          DBParameterGroupFamily="aurora-postgresql13")
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName=name, Parameters=[
        {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}])
