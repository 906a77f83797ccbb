// SPDX-License-Identifier: GPL-2.0
/*
 * acpi.c - the ACPI tables: RSDP, XSDT, FADT, FACS, MADT and the DSDT's frame.
 *
 * Built straight into guest memory, at the place where a BIOS has them.  What
 * they tell: the CPUs and interrupt controllers, which ISA interrupts go
 * elsewhere, the power management registers, and that there is no VGA, no
 * keyboard controller, no PCI and no HPET to look for, which saves the guest
 * some thousand exits.
 *
 * Follows ACPI 6.4, chapter 5.2.
 */
#include <string.h>

#include "../dev/acpi_pm.h"
#include "boot.h"

#define IOAPIC_ADDR	0xfec00000
#define LAPIC_ADDR	0xfee00000

struct sdt_header {
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
} __attribute__((packed));

struct rsdp {
	char signature[8];
	u8 checksum;		/* of the first 20 bytes */
	char oem_id[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 extended_checksum;	/* of all of it */
	u8 reserved[3];
} __attribute__((packed));

/* Generic address structure, 5.2.3.2 */
struct gas {
	u8 space;
	u8 bits;
	u8 offset;
	u8 access;
	u64 address;
} __attribute__((packed));

#define GAS_SYSTEM_IO	1
#define GAS_BYTE	1
#define GAS_WORD	2
#define GAS_DWORD	3

struct fadt {
	struct sdt_header header;
	u32 facs;
	u32 dsdt;
	u8 reserved0;
	u8 preferred_profile;
	u16 sci_int;
	u32 smi_cmd;
	u8 acpi_enable, acpi_disable, s4bios_req, pstate_cnt;
	u32 pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr;
	u32 gpe0, gpe1;
	u8 pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len;
	u8 gpe0_len, gpe1_len, gpe1_base, cst_cnt;
	u16 p_lvl2_lat, p_lvl3_lat;
	u16 flush_size, flush_stride;
	u8 duty_offset, duty_width;
	u8 day_alarm, month_alarm, century;
	u16 boot_arch;
	u8 reserved1;
	u32 flags;
	struct gas reset_reg;
	u8 reset_value;
	u16 arm_boot_arch;
	u8 minor_version;
	u64 x_facs;
	u64 x_dsdt;
	struct gas x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt;
	struct gas x_pm_tmr, x_gpe0, x_gpe1;
	struct gas sleep_control, sleep_status;
	u64 hypervisor_id;
} __attribute__((packed));

_Static_assert(sizeof(struct fadt) == 276, "FADT of ACPI 6");

#define FADT_WBINVD		BIT(0)
#define FADT_PROC_C1		BIT(2)
#define FADT_SLP_BUTTON		BIT(5)	/* there is none in fixed hardware */
#define FADT_FIX_RTC		BIT(6)	/* RTC wake is not in fixed hardware */
#define FADT_TMR_VAL_EXT	BIT(8)	/* the PM timer has 32 bits */
#define FADT_RESET_REG		BIT(10)

#define BOOT_ARCH_LEGACY	BIT(0)	/* a serial port and the like */
#define BOOT_ARCH_8042		BIT(1)
#define BOOT_ARCH_NO_VGA	BIT(2)

#define PROFILE_SERVER		4
#define NO_C2			101	/* latencies that mean "has none" */
#define NO_C3			1001
#define RTC_CENTURY		0x32

struct facs {
	char signature[4];
	u32 length;
	u32 hardware_signature;
	u32 waking_vector;
	u32 global_lock;
	u32 flags;
	u64 x_waking_vector;
	u8 version;
	u8 reserved[31];
} __attribute__((packed));

struct madt {
	struct sdt_header header;
	u32 lapic;
	u32 flags;
} __attribute__((packed));

#define MADT_PCAT_COMPAT	BIT(0)	/* there are two 8259 as well */

struct madt_lapic {
	u8 type, length;
	u8 processor_uid;
	u8 apic_id;
	u32 flags;
} __attribute__((packed));

struct madt_ioapic {
	u8 type, length;
	u8 id;
	u8 reserved;
	u32 address;
	u32 gsi_base;
} __attribute__((packed));

struct madt_override {
	u8 type, length;
	u8 bus;
	u8 irq;
	u32 gsi;
	u16 flags;
} __attribute__((packed));

struct madt_nmi {
	u8 type, length;
	u8 processor_uid;
	u16 flags;
	u8 lint;
} __attribute__((packed));

#define MADT_LAPIC		0
#define MADT_IOAPIC		1
#define MADT_OVERRIDE		2
#define MADT_NMI		4
#define LAPIC_ENABLED		BIT(0)
#define INTI_ACTIVE_HIGH	1	/* bits 0-1 */
#define INTI_LEVEL		(3 << 2)
#define ALL_PROCESSORS		0xff

/*
 * A place in guest memory that tables are appended to.  255 CPUs take 3 KiB of
 * its 128: it can't run full.
 */
struct builder {
	u8 *base;
	u64 gpa;
	size_t len;
	size_t size;
};

static u8 checksum(const void *table, size_t len)
{
	const u8 *bytes = table;
	u8 sum = 0;

	while (len--)
		sum += *bytes++;
	return -sum;
}

/* Append @len bytes, zero if @from is NULL; NULL when there is no room. */
static void *append(struct builder *b, const void *from, size_t len)
{
	void *to = b->base + b->len;

	if (len > b->size - b->len)
		return NULL;
	b->len += len;
	if (from)
		memcpy(to, from, len);
	else
		memset(to, 0, len);
	return to;
}

static void align(struct builder *b, size_t to)
{
	append(b, NULL, -b->len & (to - 1));
}

static u64 gpa_of(const struct builder *b, const void *p)
{
	return b->gpa + ((const u8 *)p - b->base);
}

static void *begin_table(struct builder *b, const char *signature, u8 revision,
			 size_t size)
{
	struct sdt_header *h;

	align(b, 16);
	h = append(b, NULL, size);
	if (!h)
		return NULL;
	memcpy(h->signature, signature, 4);
	memcpy(h->oem_id, "OSPITE", 6);
	memcpy(h->oem_table_id, "OSPITE  ", 8);
	memcpy(h->creator_id, "OSPT", 4);
	h->revision = revision;
	h->oem_revision = 1;
	h->creator_revision = 1;
	return h;
}

/* All that was appended since begin_table() belongs to the table. */
static void end_table(struct builder *b, struct sdt_header *h)
{
	h->length = b->base + b->len - (u8 *)h;
	h->checksum = 0;
	h->checksum = checksum(h, h->length);
}

static u64 build_dsdt(struct builder *b)
{
	struct sdt_header *h = begin_table(b, "DSDT", 2, sizeof(*h));
	size_t len;

	if (!h)
		return 0;
	len = aml_dsdt(b->base + b->len, b->size - b->len);
	if (len > b->size - b->len)
		return 0;
	b->len += len;
	end_table(b, h);
	return gpa_of(b, h);
}

static u64 build_facs(struct builder *b)
{
	struct facs *facs;

	align(b, 64);
	facs = append(b, NULL, sizeof(*facs));
	if (!facs)
		return 0;
	memcpy(facs->signature, "FACS", 4);
	facs->length = sizeof(*facs);
	facs->version = 2;
	return gpa_of(b, facs);
}

static struct gas io_register(u16 port, u8 bytes, u8 access)
{
	return (struct gas) { .space = GAS_SYSTEM_IO, .bits = bytes * 8,
			      .access = access, .address = port };
}

static void fill_pm(struct fadt *f)
{
	f->sci_int = ACPI_SCI_GSI;
	f->pm1a_evt = ACPI_PM1_EVT_PORT;
	f->pm1_evt_len = ACPI_PM1_EVT_LEN;
	f->x_pm1a_evt = io_register(ACPI_PM1_EVT_PORT, ACPI_PM1_EVT_LEN,
				    GAS_WORD);
	f->pm1a_cnt = ACPI_PM1_CNT_PORT;
	f->pm1_cnt_len = ACPI_PM1_CNT_LEN;
	f->x_pm1a_cnt = io_register(ACPI_PM1_CNT_PORT, ACPI_PM1_CNT_LEN,
				    GAS_WORD);
	f->pm_tmr = ACPI_PM_TMR_PORT;
	f->pm_tmr_len = ACPI_PM_TMR_LEN;
	f->x_pm_tmr = io_register(ACPI_PM_TMR_PORT, ACPI_PM_TMR_LEN, GAS_DWORD);
	f->reset_reg = io_register(RESET_PORT, 1, GAS_BYTE);
	f->reset_value = RESET_VALUE;
}

static u64 build_fadt(struct builder *b, u64 facs, u64 dsdt)
{
	struct fadt *f = begin_table(b, "FACP", 6, sizeof(*f));

	if (!f)
		return 0;
	f->facs = facs;
	f->dsdt = dsdt;
	f->x_dsdt = dsdt;	/* x_facs stays 0: facs has it already */
	f->preferred_profile = PROFILE_SERVER;
	f->p_lvl2_lat = NO_C2;
	f->p_lvl3_lat = NO_C3;
	f->century = RTC_CENTURY;
	f->boot_arch = BOOT_ARCH_LEGACY | BOOT_ARCH_NO_VGA;
	f->flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON |
		   FADT_FIX_RTC | FADT_TMR_VAL_EXT | FADT_RESET_REG;
	f->minor_version = 4;
	memcpy(&f->hypervisor_id, "OSPITE", 6);
	fill_pm(f);
	end_table(b, &f->header);
	return gpa_of(b, f);
}

static void add_override(struct builder *b, u8 irq, u32 gsi, u16 flags)
{
	const struct madt_override o = {
		.type = MADT_OVERRIDE, .length = sizeof(o),
		.irq = irq, .gsi = gsi, .flags = flags,
	};

	append(b, &o, sizeof(o));
}

static u64 build_madt(struct builder *b, const struct vm *vm)
{
	struct madt *m = begin_table(b, "APIC", 5, sizeof(*m));
	struct madt_lapic cpu = { .type = MADT_LAPIC, .length = sizeof(cpu),
				  .flags = LAPIC_ENABLED };
	const struct madt_ioapic ioapic = {
		.type = MADT_IOAPIC, .length = sizeof(ioapic),
		.address = IOAPIC_ADDR,
	};
	const struct madt_nmi nmi = {
		.type = MADT_NMI, .length = sizeof(nmi),
		.processor_uid = ALL_PROCESSORS, .lint = 1,
	};
	unsigned int i;

	if (!m)
		return 0;
	m->lapic = LAPIC_ADDR;
	m->flags = MADT_PCAT_COMPAT;
	for (i = 0; i < vm->cfg->cpus; i++) {
		cpu.processor_uid = i;
		cpu.apic_id = i;
		append(b, &cpu, sizeof(cpu));
	}
	append(b, &ioapic, sizeof(ioapic));
	if (vm->pit_gsi)
		add_override(b, 0, vm->pit_gsi, 0);
	add_override(b, ACPI_SCI_GSI, ACPI_SCI_GSI,
		     INTI_ACTIVE_HIGH | INTI_LEVEL);
	append(b, &nmi, sizeof(nmi));
	end_table(b, &m->header);
	return gpa_of(b, m);
}

static u64 build_xsdt(struct builder *b, u64 fadt, u64 madt)
{
	struct sdt_header *h = begin_table(b, "XSDT", 1, sizeof(*h));

	if (!h)
		return 0;
	append(b, &fadt, sizeof(fadt));
	append(b, &madt, sizeof(madt));
	end_table(b, h);
	return gpa_of(b, h);
}

static void fill_rsdp(struct rsdp *r, u64 xsdt)
{
	memcpy(r->signature, "RSD PTR ", 8);
	memcpy(r->oem_id, "OSPITE", 6);
	r->revision = 2;
	r->length = sizeof(*r);
	r->xsdt = xsdt;
	r->checksum = checksum(r, 20);
	r->extended_checksum = checksum(r, sizeof(*r));
}

/**
 * acpi_build() - write the ACPI tables into guest memory
 * @vm: the VM
 *
 * Return: guest-physical address of the RSDP.
 */
u64 acpi_build(struct vm *vm)
{
	struct builder b = {
		.base = ram_at(&vm->ram, BOOT_ACPI, BOOT_ACPI_END - BOOT_ACPI),
		.gpa = BOOT_ACPI,
		.size = BOOT_ACPI_END - BOOT_ACPI,
	};
	struct rsdp *rsdp = append(&b, NULL, sizeof(*rsdp));
	u64 dsdt = build_dsdt(&b);
	u64 facs = build_facs(&b);
	u64 fadt = build_fadt(&b, facs, dsdt);
	u64 madt = build_madt(&b, vm);

	fill_rsdp(rsdp, build_xsdt(&b, fadt, madt));
	return BOOT_ACPI;
}
