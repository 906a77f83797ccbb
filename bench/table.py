# SPDX-License-Identifier: GPL-2.0
"""The table of a bench run: one line an operation, both hypervisors beside
each other, and what was to be reached."""

import tracelog

# What is to be reached where the row of osp-bench itself can't say: as a part
# of KVM's figure in the same run.
RATIO_TARGETS = {'boot-init': 0.95}

# At most so many of each in one operation.
COUNT_TARGETS = {'cpuid': {'vmread': 4, 'vmwrite': 1, 'rdmsr': 0, 'wrmsr': 0}}

# SDM 3D, appendix C.
EXIT_NAMES = {
    0: 'EXCEPTION_NMI', 1: 'EXTERNAL_INTERRUPT', 2: 'TRIPLE_FAULT',
    7: 'INTERRUPT_WINDOW', 8: 'NMI_WINDOW', 9: 'TASK_SWITCH', 10: 'CPUID',
    12: 'HLT', 13: 'INVD', 14: 'INVLPG', 15: 'RDPMC', 16: 'RDTSC',
    18: 'VMCALL', 28: 'CR_ACCESS', 29: 'DR_ACCESS', 30: 'IO_INSTRUCTION',
    31: 'RDMSR', 32: 'WRMSR', 36: 'MWAIT', 39: 'MONITOR', 40: 'PAUSE',
    43: 'TPR_BELOW_THRESHOLD', 44: 'APIC_ACCESS', 45: 'VIRTUALIZED_EOI',
    48: 'EPT_VIOLATION', 49: 'EPT_MISCONFIG', 52: 'PREEMPTION_TIMER',
    54: 'WBINVD', 55: 'XSETBV', 56: 'APIC_WRITE',
}

OURS, KVM = '/dev/ospite', '/dev/kvm'


def number(value):
    """A figure with as many digits as it is good for."""
    if value is None:
        return '-'
    return f'{value:.1f}' if value < 100 else f'{value:.0f}'


def target(row, kvm):
    """(what to reach, in words; the number or None)."""
    if row['row'] in RATIO_TARGETS:
        part = RATIO_TARGETS[row['row']]
        return f'{part} of KVM', kvm and kvm * part
    if row['target']:
        return number(row['target']), row['target']
    return "KVM's", kvm


def verdict(ours, limit):
    """Whether it was reached."""
    if ours is None or limit is None:
        return ''
    return 'met' if ours <= limit else 'MISSED'


def pair(counts, name):
    """KVM's and our count of one instruction."""
    both = [counts.get(dev) for dev in (KVM, OURS)]
    return '/'.join('-' if c is None else str(c[name]) for c in both)


def row_order(results):
    """The rows in the order of the first device that measured them."""
    order = {}
    for result in results:
        order.setdefault(result['row'], result)
    return list(order)


def print_rows(results, counts):
    """The table proper. @counts: {row: {device: {instruction: count}}}."""
    print('One operation: its cost, and what it executes (KVM/Ospite).')
    print(f'{"":44} {"KVM":>10} {"Ospite":>10} {"ratio":>6}'
          f' {"to reach":>12} {"":6}'
          f' {"exits":>5} {"VMREAD":>7} {"VMWRITE":>7} {"RDMSR":>6}'
          f' {"WRMSR":>6}')
    by_key = {(r['row'], r['dev']): r for r in results}
    for name in row_order(results):
        rows = [by_key.get((name, dev)) for dev in (KVM, OURS)]
        print_row(name, rows, counts.get(name, {}))


def print_row(name, rows, counts):
    """One line."""
    kvm, ours = (row and row['value'] for row in rows)
    row = rows[0] or rows[1]
    words, limit = target(row, kvm)
    ratio = f'{ours / kvm:.2f}' if kvm and ours is not None else '-'
    title = row['title'] if row['unit'] == 'ticks' \
        else f'{row["title"]}, {row["unit"]}'
    line = (f'{title:44} {number(kvm):>10} {number(ours):>10} {ratio:>6}'
            f' {words:>12} {verdict(ours, limit):6}')
    if counts:
        line += f' {pair(counts, "exits"):>5}'
        for word, width in zip(tracelog.COUNTED, (7, 7, 6, 6)):
            line += f' {pair(counts, word):>{width}}'
    print(line.rstrip())
    print_missed_counts(name, counts.get(OURS))


def print_missed_counts(name, ours):
    """Say which instruction there is too much of."""
    for word, limit in COUNT_TARGETS.get(name, {}).items():
        if ours and ours[word] > limit:
            print(f'{"":8}MISSED: {word.upper()} {ours[word]},'
                  f' at most {limit}')


def print_exits(exits):
    """The exits of a guest's boot, by reason, most first."""
    if not exits:
        return
    table = {}
    for entry in exits:
        reason = entry['exit'] & 0xffff
        table.setdefault(reason, {})[entry['dev']] = entry['count']
    table = sorted(table.items(), key=lambda row: -max(row[1].values()))
    print('\nExits of the Linux guest, from launch to power-off.')
    print(f'{"":28} {"KVM":>10} {"Ospite":>10}')
    for reason, counts in table:
        name = EXIT_NAMES.get(reason, f'reason {reason}')
        print(f'{name:28} {counts.get(KVM, 0):10} {counts.get(OURS, 0):10}')
    totals = [sum(counts.get(dev, 0) for _, counts in table)
              for dev in (KVM, OURS)]
    print(f'{"all":28} {totals[0]:10} {totals[1]:10}')
