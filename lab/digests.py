"""What a result of the matrix is about, for a fault of either form, or a variant."""

from lab import examined, variants
from lab.faults import Fault
from lab.rows import all_rows


def digest(fault: Fault) -> str:
    """Changes with what the fault, or the variant's row, does."""
    if fault.tempts:
        return examined.row(variants.table_of(fault), fault.name)
    if fault.name in all_rows():
        row = all_rows()[fault.name]
        return examined.told_row(row.data, row.names)
    return examined.fault(_file(fault))


def doing(fault: Fault) -> str:
    """Changes with how the fault is planted and undone, but for the verbs and helpers it uses."""
    if fault.name in all_rows():
        return examined.row_doing(all_rows()[fault.name].data)
    return examined.doing(_file(fault))


def _file(fault: Fault) -> str:
    return f"lab/faults/{fault.name.replace('-', '_')}.py"
