/** Owns the report as a document for machines. Nothing is ever left out of it. */
import type { Report } from '../contracts/report.ts';

export const renderJson = (report: Report): string => `${JSON.stringify(report, null, 2)}\n`;
