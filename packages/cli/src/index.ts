/** What `import … from 'sallyport'` gives: the auditor as a library. */
export * from '@sallyport/audit'
