"""A real Slurm of one machine, started and torn down by a test: private key, ports and folders, loopback only."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")

_SBIN = "/usr/sbin:/usr/local/sbin"

#: No accounting: the harder case, since nothing then keeps what became of a job. Jobs of a lost node and timed-out
#: jobs are queued again after cred_expire seconds instead of Slurm's usual two minutes.
_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket,cred_expire=6
CredType=cred/munge
CryptoType=crypto/munge
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool.%n
MailProg=/bin/true
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.%n.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
SwitchType=switch/none
MpiDefault=none
SlurmdParameters=config_overrides
InactiveLimit=0
KillWait=5
SlurmctldTimeout=30
SlurmdTimeout=15
JobRequeue=1
TreeWidth=65533
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
NodeName=node[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=1 RealMemory=4000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing() -> list[str]:
    """Programs that are not installed."""
    path = f"{os.environ.get('PATH', '')}:{_SBIN}"
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]


class Cluster:
    """``env`` makes Slurm's commands, and ours, talk to this cluster."""

    def __init__(self, root: Path, nodes: int) -> None:
        self.root, self.nodes = root, nodes
        self.conf = root / "slurm.conf"
        path = f"{os.environ['PATH']}:{_SBIN}"
        self.env = {**os.environ, "SLURM_CONF": str(self.conf), "PATH": path}

    def start(self) -> None:
        port = _free_ports(self.nodes + 1)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        host = socket.gethostname().split(".")[0]
        numbers = {"port": port, "first": port + 1, "last": port + self.nodes, "nodes": self.nodes}
        self.conf.write_text(_CONF.format(root=self.root, host=host, user=user, **numbers))
        (self.root / "state").mkdir()
        key = self.root / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        files = {"key-file": key, "socket": "munge.socket", "pid-file": "munged.pid", "log-file": "munged.log"}
        named = [f"--{name}={self.root / file}" for name, file in {**files, "seed-file": "munged.seed"}.items()]
        self.call("munged", "--force", *named)
        self.call("slurmctld", "-f", str(self.conf))
        # A node that comes before its controller listens is not heard for a while.
        self._wait_until(lambda: self.does("sinfo"))
        for number in range(1, self.nodes + 1):
            self.call("slurmd", "-f", str(self.conf), "-N", f"node{number}")
        self._wait_until(lambda: self.states() == {"idle"})

    def _wait_until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not true():
            assert time.monotonic() < deadline, (self.root / "slurmctld.log").read_text()
            time.sleep(0.1)

    def states(self) -> set[str]:
        return set(self.call("sinfo", "-h", "-N", "-o", "%t", check=False).split())

    def call(self, *command: str, check: bool = True) -> str:
        process = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False, timeout=300)
        assert process.returncode == 0 or not check, f"{command}: {process.stderr}"
        return process.stdout

    def does(self, *command: str) -> bool:
        """Whether Slurm does it now; a job between two states "can not be altered now, try again later"."""
        return subprocess.run(command, env=self.env, capture_output=True, check=False).returncode == 0

    def node_of(self, job: str) -> str:
        return self.call("squeue", "-h", "-j", job, "-o", "%N").strip()

    def lose(self, node: str) -> None:
        """What is left when a machine loses power: nothing that ran there, and nobody who says so."""
        tasks = self._processes(f"SLURMD_NODENAME={node}")
        keepers = {parent for parent in map(_parent, tasks) if _command(parent).startswith(b"slurmstepd")}
        for pid in [int((self.root / f"slurmd.{node}.pid").read_text()), *keepers, *tasks]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def time_is_up(self, job: str) -> None:
        """What Slurm sends a job of an array before its time limit."""
        tasks = self._processes(f"SLURM_ARRAY_TASK_ID={job.split('_')[1]}")
        for pid in tasks:
            if b"python" in _command(pid).split(b"\0")[0]:
                os.kill(pid, signal.SIGUSR2)

    def stop(self) -> None:
        self.call("scancel", "-u", str(os.getuid()), check=False)
        self.call("scontrol", "shutdown", check=False)
        for pid_file in self.root.glob("*.pid"):
            _end(int(pid_file.read_text() or 0))
        for pid in self._processes(f"SLURM_CONF={self.conf}"):
            _end(pid)

    def _processes(self, variable: str) -> list[int]:
        """Processes of this cluster's jobs and daemons with ``variable`` in their environment."""
        wanted = {variable.encode(), f"SLURM_CONF={self.conf}".encode()}
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if wanted <= set(path.read_bytes().split(b"\0")):
                    found.append(int(path.parent.name))
        return [pid for pid in found if pid != os.getpid()]


@contextmanager
def running_cluster(root: Path, nodes: int = 3) -> Iterator[Cluster]:
    cluster = Cluster(root, nodes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _free_ports(count: int) -> int:
    """The first of ``count`` ports in a row that nothing listens on."""
    for first in range(17000, 30000, count + 3):
        with suppress(OSError):
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
    raise RuntimeError("no free ports")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _end(pid: int) -> None:
    """Gently, then not."""
    if pid <= 1:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(50):
            os.kill(pid, 0)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
