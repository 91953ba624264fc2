"""The machine line of the bench: which disk the data really stood on."""

from pathlib import Path

from bench.machine import filesystem_of, pinned, share_cores

MOUNTS = """\
/dev/vda / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
/dev/vdb /run/data xfs rw 0 0
"""


def test_the_deepest_mount_point_above_the_folder_decides() -> None:
    assert filesystem_of(Path("/home/somebody"), mounts=MOUNTS) == "ext4"
    assert filesystem_of(Path("/run/user"), mounts=MOUNTS) == "tmpfs"
    assert filesystem_of(Path("/run/data/deeper"), mounts=MOUNTS) == "xfs"


def test_a_name_that_only_begins_alike_is_another_folder() -> None:
    assert filesystem_of(Path("/runway"), mounts=MOUNTS) == "ext4"


def test_pinning_ends_with_its_block() -> None:
    before = share_cores()

    with pinned(before.generator):
        assert share_cores().generator == share_cores().servers == before.generator

    assert share_cores() == before
