/* SPDX-License-Identifier: GPL-2.0 */
/*
 * acpi_pm.h - where the ACPI power management registers are, for the device
 * that has them and the tables that describe it.
 */
#ifndef OSPITE_ACPI_PM_H
#define OSPITE_ACPI_PM_H

#define ACPI_PM1_EVT_PORT	0x600	/* status, then enable: 2 bytes each */
#define ACPI_PM1_EVT_LEN	4
#define ACPI_PM1_CNT_PORT	0x604
#define ACPI_PM1_CNT_LEN	2
#define ACPI_PM_TMR_PORT	0x608
#define ACPI_PM_TMR_LEN		4
#define ACPI_SCI_GSI		9

/* SLP_TYP of \_S5, soft off */
#define ACPI_SLP_TYP_S5		5

/* The reset register of the FADT, and the value that resets */
#define RESET_PORT		0xcf9
#define RESET_VALUE		0x06

#endif /* OSPITE_ACPI_PM_H */
