export { Scheduler } from './scheduler.js'
export type {
  BatchRunner, Clock, DurationStats, SchedulerOptions, SchedulerStats, SubmitOptions,
} from './types.js'
