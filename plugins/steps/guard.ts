import type { Step } from '../../cni/steps.js'
import type { AttachState } from '../state.js'
export const guardStep: Step<AttachState<unknown>> = { name: 'guard', apply() {} }
