# SPDX-License-Identifier: GPL-2.0
"""Read the instruction trace of Bochs' debugger.

A trace comes in windows, each from one magic breakpoint to the next. Every
instruction is known by its address, to be named from a table of symbols, and
by its text.
"""

import bisect
import collections
import re

INSTRUCTION = re.compile(
    r'\(\d+\)\.\[\d+\] \[0x[0-9a-f]+\] ([0-9a-f]{4}):([0-9a-f]+)'
    r' \([^)]*\): (.*?)\s+; [0-9a-f]+\s*$')

# What silicon charges most for, and a trace therefore counts apart.
COUNTED = ('vmread', 'vmwrite', 'rdmsr', 'wrmsr')
DEAR = COUNTED + ('vmlaunch', 'vmresume', 'vmptrld', 'vmclear', 'invept',
                  'invvpid', 'xsetbv', 'rdtsc', 'rdtscp', 'cpuid', 'verw',
                  'pushf', 'popf', 'cli', 'sti', 'int', 'iret', 'syscall',
                  'sysret', 'swapgs', 'lfence', 'mfence', 'invlpg', 'invpcid',
                  'wbinvd', 'hlt', 'pause')

# Code segments: the host kernel's, and that of the benchmark's guest.
KERNEL_CS = '0010'
GUEST_CS = '0008'

Step = collections.namedtuple('Step', 'where address text')


class Symbols:
    """Function names by address."""

    def __init__(self, lines):
        self.names = {}
        for line in lines:
            address, _, name, *module = line.split()
            self.names[int(address, 16)] = ' '.join([name, *module])
        self.sorted = sorted(self.names)

    def lookup(self, address):
        """(name, offset) of an address."""
        index = bisect.bisect_right(self.sorted, address) - 1
        if index < 0:
            return hex(address), 0
        start = self.sorted[index]
        return self.names[start], address - start


def mnemonics(text):
    """The words of an instruction that a table may count."""
    words = text.split(' ', 2)
    if words[0] in ('lock', 'rep', 'repz', 'repnz'):
        words = [words[0], words[1]] if len(words) > 1 else words
        if words[0] == 'lock':
            return ['lock', words[1]]
        return [words[1]]
    if words[0] == 'mov' and re.search(r'\b[cd]r\d\b', text):
        register = re.search(r'\b([cd]r\d)\b', text).group(1)
        return [f'mov {register}']
    return [words[0]]


class Window:
    """The instructions between two markers."""

    def __init__(self):
        self.steps = []
        self.dear = collections.Counter()

    def add(self, segment, address, text):
        """One more instruction."""
        if segment == KERNEL_CS:
            where = 'kernel'
        elif segment == GUEST_CS:
            where = 'guest'
        else:
            where = 'user'
        self.steps.append(Step(where, address, text))
        if where == 'guest':
            return
        for word in mnemonics(text):
            word = word.rstrip('dq') if word.startswith(('pushf', 'popf',
                                                         'iret')) else word
            if word in DEAR or word == 'lock' or word.startswith('mov '):
                self.dear[word] += 1

    def host_instructions(self):
        """All but the guest's own."""
        return sum(step.where != 'guest' for step in self.steps)

    def exits(self):
        """Entries into the guest: as many as exits, in a closed window."""
        return self.dear['vmlaunch'] + self.dear['vmresume']


def windows(path):
    """All windows of a debugger's log, in order."""
    window = None
    with open(path, encoding='utf-8', errors='replace') as log:
        for line in log:
            if line.startswith('('):
                found = window and INSTRUCTION.match(line)
                if found:
                    segment, address, text = found.groups()
                    window.add(segment, int(address, 16), text)
            elif line.startswith('Tracing enabled'):
                window = Window()
            elif line.startswith('Tracing disabled') and window:
                yield window
                window = None


def debugger_commands(count):
    """Bochs debugger commands that trace @count windows."""
    return 'c\ntrace on\nc\ntrace off\n' * count + 'c\n' * 4


def by_function(window, symbols):
    """[(function, instructions, Counter of dear ones)], most first."""
    table = {}
    for step in window.steps:
        name = step.where
        if name == 'kernel':
            name = symbols.lookup(step.address)[0]
        row = table.setdefault(name, [0, collections.Counter()])
        row[0] += 1
        for word in mnemonics(step.text):
            if word in COUNTED:
                row[1][word] += 1
    return sorted(((name, count, dear) for name, (count, dear)
                   in table.items()), key=lambda row: -row[1])


def path(window, symbols):
    """The way through the code: [(function, offset, instructions)]."""
    way = []
    for step in window.steps:
        name, offset = step.where, 0
        if name == 'kernel':
            name, offset = symbols.lookup(step.address)
        if way and way[-1][0] == name:
            way[-1][2] += 1
        else:
            way.append([name, offset, 1])
    return way


def symbol_tables(path_name):
    """{device: Symbols} from the lines of several /proc/kallsyms, each
    followed by a line `end DEVICE`."""
    tables, lines = {}, []
    with open(path_name, encoding='ascii', errors='replace') as file:
        for line in file:
            if line.startswith('end '):
                tables[line.split()[1]] = Symbols(lines)
                lines = []
            else:
                lines.append(line)
    return tables


def function_lines(window, symbols):
    """The functions that executed most, first, a line each."""
    for name, count, dear in by_function(window, symbols):
        notes = ' '.join(f'{word} {dear[word]}' for word in COUNTED
                         if dear[word])
        yield f'  {count:8} {name:48} {notes}'.rstrip()
