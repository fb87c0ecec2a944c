export { Scheduler } from './scheduler.js'
export type {
  BatchReport, BatchRunner, Clock, DurationStats, SchedulerOptions, SchedulerStats, SubmitOptions,
} from './types.js'
