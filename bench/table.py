# SPDX-License-Identifier: GPL-2.0
"""The table of a bench run: one line an operation, both hypervisors beside
each other, and what was to be reached."""

import tracelog

# What is to be reached where the row of osp-bench itself can't say: as a part
# of KVM's figure in the same run.
RATIO_TARGETS = {
    'boot-init': 0.95,
    'mmio-read': 0.6, 'mmio-write': 0.6,
    'fault': 0.6, 'fault-apart': 0.6, 'fault-2m': 0.6, 'fault-new': 0.6,
    'slot-add-1': 0.6, 'slot-add-100': 0.6, 'slot-add-10000': 0.6,
    'slot-remove-1': 0.6, 'slot-remove-100': 0.6, 'slot-remove-10000': 0.6,
    'dirty-write': 0.6, 'dirty-round': 0.6,
    'kick-port': 0.5, 'kick-memory': 0.5, 'kick-any': 0.5, 'irqfd': 0.5,
}

# At most so many of each in one operation.
COUNT_TARGETS = {'cpuid': {'vmread': 4, 'vmwrite': 1, 'rdmsr': 0, 'wrmsr': 0}}

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
    return ("KVM's", kvm) if kvm is not None else ('', None)


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
    """The exits of a guest's boot, by reason: the dearest first."""
    if not exits:
        return
    table = {}
    for entry in exits:
        table.setdefault(entry['exit'], {})[entry['dev']] = entry
    guest = table.pop('guest', {})
    order = sorted(table.items(), reverse=True, key=lambda item:
                   max(entry['ticks'] for entry in item[1].values()))
    print('\nExits of the Linux guest, and the time until it goes on, while'
          ' traced.')
    print(f'{"":28} {"KVM":>8} {"Ospite":>8} {"KVM":>9} {"Ospite":>9} Mticks')
    for name, entries in order:
        print_exit(name, entries)
    print_exit('all exits', {
        dev: {key: sum(entries[dev][key] for entries in table.values()
                       if dev in entries) for key in ('count', 'ticks')}
        for dev in (KVM, OURS)})
    print_exit('the guest itself', guest)


def print_exit(name, entries):
    """One line."""
    columns = []
    for key, width, scale in (('count', 8, 1), ('ticks', 9, 1e6)):
        for dev in (KVM, OURS):
            value = entries.get(dev, {}).get(key, 0) / scale
            columns.append(f'{value:>{width}.0f}' if scale == 1
                           else f'{value:>{width}.2f}')
    print(f'{name:28} {" ".join(columns)}')
