// Checked by tsconfig.pure.json alone: it fails when the guard over the pure rooms has gone blind.

// @ts-expect-error  If this is reported as unused, a pure room imports something that brings Node's types.
setTimeout
