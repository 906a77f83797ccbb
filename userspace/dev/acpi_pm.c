// SPDX-License-Identifier: GPL-2.0
/*
 * acpi_pm.c - ACPI fixed hardware: the PM1 event and control registers with
 * the power button, soft off, and the power management timer.
 *
 * The SCI is level triggered: active while a status bit is set whose enable
 * bit is.  There is no SMI_CMD, so the machine is in ACPI mode from the start.
 *
 * Follows ACPI 6.4, 4.8.3: PM1 event grouping, PM1 control grouping, PM timer.
 */
#include "acpi_pm.h"
#include "dev.h"

/* PM1 status and enable, the same bits */
#define PM1_TMR		BIT(0)
#define PM1_GBL		BIT(5)
#define PM1_PWRBTN	BIT(8)
#define PM1_SLPBTN	BIT(9)		/* never set: there is none */
#define PM1_RTC		BIT(10)		/* never set: the RTC can't wake us */
#define PM1_ENABLES	(PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_SLPBTN | PM1_RTC)

/* PM1 control */
#define CNT_SCI_EN		BIT(0)
#define CNT_SLP_TYP_SHIFT	10
#define CNT_SLP_TYP_MASK	7
#define CNT_SLP_EN		BIT(13)

#define TIMER_HZ	3579545ULL
#define TIMER_HALF	BIT(31)		/* TMR_STS: bit 31 has changed */

struct acpi_pm {
	struct device dev;
	u16 status;
	u16 enable;
	u16 control;
	bool line;
	u64 start;		/* now_ns() at timer value 0 */
	u64 seen;		/* timer ticks up to which TMR_STS is right */
};

/* Ticks since power-on; the register has the low 32 bits. */
static u64 timer_ticks(const struct acpi_pm *pm)
{
	return (unsigned __int128)(now_ns() - pm->start) * TIMER_HZ /
	       NSEC_PER_SEC;
}

static void catch_up(struct acpi_pm *pm)
{
	u64 now = timer_ticks(pm);

	if (now / TIMER_HALF != pm->seen / TIMER_HALF)
		pm->status |= PM1_TMR;
	pm->seen = now;
}

static void update_sci(struct acpi_pm *pm)
{
	bool level = pm->status & pm->enable;
	u64 next;

	if (level != pm->line) {
		pm->line = level;
		vm_irq_line(pm->dev.vm, ACPI_SCI_GSI, level);
	}
	if (!(pm->enable & PM1_TMR) || (pm->status & PM1_TMR)) {
		device_wants_tick(&pm->dev, NEVER);
		return;
	}
	next = (pm->seen / TIMER_HALF + 1) * TIMER_HALF;
	device_wants_tick(&pm->dev, pm->start + 1 +
			  (unsigned __int128)next * NSEC_PER_SEC / TIMER_HZ);
}

/* The 12 bytes of register space as the guest sees them now. */
static void registers(struct acpi_pm *pm, u8 *bytes)
{
	u32 timer;

	catch_up(pm);
	timer = pm->seen;
	bytes[0] = pm->status;
	bytes[1] = pm->status >> 8;
	bytes[2] = pm->enable;
	bytes[3] = pm->enable >> 8;
	bytes[4] = pm->control | CNT_SCI_EN;
	bytes[5] = pm->control >> 8;
	bytes[6] = 0;
	bytes[7] = 0;
	bytes[8] = timer;
	bytes[9] = timer >> 8;
	bytes[10] = timer >> 16;
	bytes[11] = timer >> 24;
}

static u32 pm_in(struct device *dev, u16 port, unsigned int size)
{
	unsigned int i, first = port - ACPI_PM1_EVT_PORT;
	u8 bytes[12];
	u32 value = 0;

	registers((struct acpi_pm *)dev, bytes);
	for (i = 0; i < size && first + i < sizeof(bytes); i++)
		value |= (u32)bytes[first + i] << (8 * i);
	return value;
}

static void sleep_or_off(struct acpi_pm *pm)
{
	unsigned int type = (pm->control >> CNT_SLP_TYP_SHIFT) &
			    CNT_SLP_TYP_MASK;

	/* SLP_EN reads as zero, and we have no other sleeping state. */
	if ((pm->control & CNT_SLP_EN) && type == ACPI_SLP_TYP_S5)
		vm_end(pm->dev.vm, END_POWEROFF, "%s", "");
	pm->control &= ~(CNT_SLP_EN | CNT_SCI_EN);
}

static void write_byte(struct acpi_pm *pm, unsigned int at, u8 byte)
{
	switch (at) {
	case 0:			/* status bits are cleared by a one */
		pm->status &= ~byte;
		break;
	case 1:
		pm->status &= ~(byte << 8);
		break;
	case 2:
		pm->enable = (pm->enable & 0xff00) | (byte & PM1_ENABLES);
		break;
	case 3:
		pm->enable = (pm->enable & 0xff) |
			     ((byte << 8) & PM1_ENABLES);
		break;
	case 4:
		pm->control = (pm->control & 0xff00) | byte;
		break;
	case 5:
		pm->control = (pm->control & 0xff) | byte << 8;
		sleep_or_off(pm);
		break;
	}
}

static void pm_out(struct device *dev, u16 port, unsigned int size, u32 value)
{
	struct acpi_pm *pm = (struct acpi_pm *)dev;
	unsigned int i;

	catch_up(pm);
	for (i = 0; i < size; i++)
		write_byte(pm, port - ACPI_PM1_EVT_PORT + i, value >> (8 * i));
	update_sci(pm);
}

static void pm_tick(struct device *dev, u64 now)
{
	struct acpi_pm *pm = (struct acpi_pm *)dev;

	(void)now;
	catch_up(pm);
	update_sci(pm);
}

static void pm_power_button(struct device *dev)
{
	struct acpi_pm *pm = (struct acpi_pm *)dev;

	pm->status |= PM1_PWRBTN;
	update_sci(pm);
}

static void pm_init(struct device *dev)
{
	((struct acpi_pm *)dev)->start = now_ns();
}

static const struct device_ops acpi_pm_ops = {
	.name	= "acpi_pm",
	.size	= sizeof(struct acpi_pm),
	.ports	= { { ACPI_PM1_EVT_PORT, ACPI_PM1_EVT_LEN },
		    { ACPI_PM1_CNT_PORT, ACPI_PM1_CNT_LEN },
		    { ACPI_PM_TMR_PORT, ACPI_PM_TMR_LEN } },
	.gsi	= ACPI_SCI_GSI,
	.init	= pm_init,
	.in	= pm_in,
	.out	= pm_out,
	.tick	= pm_tick,
	.power_button = pm_power_button,
};

REGISTER_DEVICE(acpi_pm_ops);
