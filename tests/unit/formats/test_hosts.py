from __future__ import annotations

from policyd.formats.hosts import text


def test_each_accelerator_is_a_row_below_the_name_of_its_host() -> None:
    hosts = {
        "gpu-01": {
            "driver_version": "580.1",
            "cuda_version": "13.0",
            "gpus": [{"index": 0, "uuid": "GPU-aa", "name": "H200"}, {"index": 1, "uuid": "GPU-b"}],
        },
        "amd": {
            "driver_version": "",
            "cuda_version": "",
            "gpus": [],
            "drivers": {"amd": "6.12"},
            "accelerators": [
                {"vendor": "amd", "index": 0, "unique_id": "0xab", "name": "MI300X"},
                {"vendor": "habana", "index": 1, "node": "/dev/accel/accel1"},
            ],
        },
        "empty": {"driver_version": "470", "cuda_version": "11.4", "gpus": []},
    }

    assert (
        text({"policyd": {"inventory": {"hosts": hosts}}})
        == """\
HOST    DRIVER    CUDA  GPU  ID                 MODEL
amd     amd 6.12        0    0xab               MI300X
amd     habana          1    /dev/accel/accel1
empty   470       11.4
gpu-01  580.1     13.0  0    GPU-aa             H200
gpu-01  580.1     13.0  1    GPU-b
"""
    )


def test_data_without_an_inventory_say_where_hosts_are() -> None:
    assert text({"policyd": {"hosts": {}}}) == (
        "No hosts: they are below policyd.inventory.hosts in a data file.\n"
    )
